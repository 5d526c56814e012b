// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
import {Cash} from "./Base.sol";
import {Events} from "./Events.sol";

/// Who may do what beside moving their own money, and that nobody may do more.
contract RolesTest is Events {
    struct Right {
        bytes32 role;
        bytes call;
    }

    address private constant STRANGER = address(0x57A);
    bytes32 private constant ADMIN_ROLE = 0x00;

    bytes32 private _issuer;
    bytes32 private _pauser;
    bytes32 private _officer;

    function setUp() public override {
        super.setUp();
        (_issuer, _pauser, _officer) = (cash.ISSUER_ROLE(), cash.PAUSER_ROLE(), cash.COMPLIANCE_ROLE());
        give(person(0), 1_000);
        give(ISSUER, 1_000);
    }

    /// Every function that only somebody may call, with the role it asks for.
    function _rights() private view returns (Right[] memory rights) {
        rights = new Right[](13);
        rights[0] = Right(_issuer, abi.encodeCall(cash.mint, (person(1), 1, "wire 1")));
        rights[1] = Right(_issuer, abi.encodeCall(cash.burn, (1, "wire 2")));
        rights[2] = Right(_pauser, abi.encodeCall(cash.pause, ()));
        rights[3] = Right(_pauser, abi.encodeCall(cash.unpause, ()));
        rights[4] = Right(_officer, abi.encodeCall(cash.freeze, (person(2), "reason")));
        rights[5] = Right(_officer, abi.encodeCall(cash.unfreeze, (person(2), "reason")));
        rights[6] = Right(ADMIN_ROLE, abi.encodeCall(cash.setQuota, (STRANGER, 5, 5)));
        rights[7] = Right(ADMIN_ROLE, abi.encodeCall(cash.grantRole, (_issuer, person(3))));
        rights[8] = Right(ADMIN_ROLE, abi.encodeCall(cash.revokeRole, (_issuer, person(3))));
        rights[9] = Right(ADMIN_ROLE, abi.encodeCall(cash.beginDefaultAdminTransfer, (person(4))));
        rights[10] = Right(ADMIN_ROLE, abi.encodeCall(cash.cancelDefaultAdminTransfer, ()));
        rights[11] = Right(ADMIN_ROLE, abi.encodeCall(cash.changeDefaultAdminDelay, (5)));
        rights[12] = Right(ADMIN_ROLE, abi.encodeCall(cash.rollbackDefaultAdminDelay, ()));
    }

    function test_eachRoleMayDoItsJobAndNothingElse() public {
        Right[] memory rights = _rights();
        address[6] memory callers = [ADMIN, ISSUER, PAUSER, OFFICER, STRANGER, person(0)];
        for (uint256 i = 0; i < rights.length; ++i) {
            for (uint256 j = 0; j < callers.length; ++j) {
                _try(rights[i], callers[j]);
            }
        }
    }

    function _try(Right memory right, address caller) private {
        bool may = caller == _holder(right.role);
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(cash).call(right.call);
        assertEq(ok, may, "allowed");
        if (may) return;
        assertEq(
            answer,
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, right.role),
            "reason"
        );
    }

    function _holder(bytes32 role) private view returns (address) {
        if (role == _issuer) return ISSUER;
        if (role == _pauser) return PAUSER;
        return role == _officer ? OFFICER : ADMIN;
    }

    function test_noRoleMovesAnothersBalance() public {
        address[4] memory holders = [ADMIN, ISSUER, PAUSER, OFFICER];
        for (uint256 i = 0; i < holders.length; ++i) {
            vm.prank(holders[i]);
            vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, holders[i], 0, 1));
            cash.transferFrom(person(0), holders[i], 1);
        }
    }

    // ------------------------------------------------------------------------------------------------ granting

    function test_theRolesAreHashesOfTheirNames() public view {
        assertEq(_issuer, keccak256("ISSUER_ROLE"), "issuer");
        assertEq(_pauser, keccak256("PAUSER_ROLE"), "pauser");
        assertEq(_officer, keccak256("COMPLIANCE_ROLE"), "compliance");
        assertEq(cash.DEFAULT_ADMIN_ROLE(), ADMIN_ROLE, "admin");
        assertEq(cash.getRoleAdmin(_issuer), ADMIN_ROLE, "who grants issuers");
        assertEq(cash.getRoleAdmin(_pauser), ADMIN_ROLE, "who grants pausers");
        assertEq(cash.getRoleAdmin(_officer), ADMIN_ROLE, "who grants officers");
    }

    function test_theAdminHoldsNoRoleAtFirst() public {
        Cash fresh = deploy("USD", ADMIN, 3 days);
        assertTrue(fresh.hasRole(ADMIN_ROLE, ADMIN), "admin");
        assertTrue(!fresh.hasRole(_issuer, ADMIN), "issuer");
        assertTrue(!fresh.hasRole(_pauser, ADMIN), "pauser");
        assertTrue(!fresh.hasRole(_officer, ADMIN), "compliance");
        assertTrue(!fresh.hasRole(ADMIN_ROLE, address(this)), "deployer");
        assertEq(fresh.owner(), ADMIN, "owner");
        assertEq(fresh.defaultAdminDelay(), 3 days, "delay");
        assertEq(fresh.name(), "Cash USD", "name");
    }

    function test_aRevokedRoleIsGone() public {
        vm.prank(ADMIN);
        cash.revokeRole(_issuer, ISSUER);
        vm.prank(ISSUER);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, ISSUER, _issuer)
        );
        cash.mint(person(0), 1, "wire");
        vm.prank(PAUSER);
        cash.renounceRole(_pauser, PAUSER);
        assertTrue(!cash.hasRole(_pauser, PAUSER), "renounced");
    }

    // ------------------------------------------------------------------------------------------------ the admin

    function test_theAdminCannotBeGrantedOrRevokedInOneStep() public {
        bytes memory reason =
            abi.encodeWithSelector(IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminRules.selector);
        vm.prank(ADMIN);
        vm.expectRevert(reason);
        cash.grantRole(ADMIN_ROLE, STRANGER);
        vm.prank(ADMIN);
        vm.expectRevert(reason);
        cash.revokeRole(ADMIN_ROLE, ADMIN);
    }

    function test_theAdminChangesHandsInTwoStepsWithADelay() public {
        cash = deploy("EUR", ADMIN, 2 days);
        vm.prank(ADMIN);
        cash.beginDefaultAdminTransfer(STRANGER);
        vm.prank(STRANGER);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminDelay.selector, START + 2 days
            )
        );
        cash.acceptDefaultAdminTransfer();
        vm.warp(START + 2 days + 1);
        vm.prank(person(5));
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, person(5))
        );
        cash.acceptDefaultAdminTransfer();
        assertTrue(cash.hasRole(ADMIN_ROLE, ADMIN), "still the old admin");
        vm.prank(STRANGER);
        cash.acceptDefaultAdminTransfer();
        assertEq(cash.owner(), STRANGER, "owner");
        assertTrue(!cash.hasRole(ADMIN_ROLE, ADMIN), "the old admin");
        vm.prank(STRANGER);
        cash.setQuota(ISSUER, 1, 0);
    }

    function test_anAdminChangeCanBeCalledOff() public {
        cash = deploy("EUR", ADMIN, 2 days);
        vm.prank(ADMIN);
        cash.beginDefaultAdminTransfer(STRANGER);
        vm.prank(ADMIN);
        cash.cancelDefaultAdminTransfer();
        vm.warp(START + 30 days);
        vm.prank(STRANGER);
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, STRANGER)
        );
        cash.acceptDefaultAdminTransfer();
    }

    function test_aLedgerNeedsAnAdminAndACurrencyThatFits() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, address(0)
            )
        );
        deploy("EUR", address(0), 0);
        string memory fits = "twenty-six bytes just fit.";
        assertEq(deploy(fits, ADMIN, 0).currency(), fits, "currency");
        string memory long = string.concat(fits, "!");
        vm.expectRevert(abi.encodeWithSelector(ShortStrings.StringTooLong.selector, string.concat("Cash ", long)));
        deploy(long, ADMIN, 0);
    }

    function test_theLedgerTellsWhichInterfacesItHas() public view {
        assertTrue(cash.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(cash.supportsInterface(type(IAccessControl).interfaceId), "access control");
        assertTrue(cash.supportsInterface(type(IAccessControlDefaultAdminRules).interfaceId), "admin rules");
        assertTrue(!cash.supportsInterface(0xffffffff), "nothing");
    }
}
